// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {CashFigures, CashParameters} from "../types/Cash.sol";
import {TokenLimits} from "../types/TokenLimits.sol";
import {Posting} from "../types/Trade.sol";

/// @title IVault
/// @notice The only contract that holds or moves tokens: cash and collateral of every account, and operators.
/// @dev Assumed and not enforced: tokens do not change balances by themselves. A token that does so downwards shares
/// the loss pro rata among those who withdraw it (see `withdraw`); one that does so upwards gives the surplus to
/// nobody.
interface IVault {
    /// @notice The caller is neither the account's owner nor an operator with the permission at this moment.
    error NotAuthorized(AccountId account, address caller, uint8 permission);
    /// @notice Only the clearinghouse may do this.
    error NotClearinghouse(address caller);
    /// @notice The clearinghouse is set once and stays.
    error ClearinghouseAlreadySet(address clearinghouse);
    /// @notice An amount of 0, or one too small to be told from 0.
    error ZeroAmount(address token);
    /// @notice Strangers may only deposit the settlement token or a token that the account holds already.
    error StrangerDepositRefused(AccountId account, address token, address caller);
    /// @notice The token's deposits are stopped.
    error DepositsStopped(address token);
    /// @notice The vault would hold more of the token than its cap [token].
    error DepositCapExceeded(address token, uint256 total, uint256 cap);
    /// @notice More would leave than the token's net outflow limit allows now; wait, or ask for what there is room for
    /// [token].
    error OutflowLimitExceeded(address token, uint256 requested, uint256 room);
    /// @notice The permit was not accepted and the allowance is too small [token].
    error PermitFailed(address token, address owner, uint256 allowance, uint256 amount);
    /// @notice The account has less than this [token].
    error InsufficientBalance(AccountId account, address token, uint256 requested, uint256 available);
    /// @notice The vault holds fewer tokens than this; nothing is lost, what others owe is not here yet [token].
    error InsufficientTokens(address token, uint256 requested, uint256 held);
    /// @notice After this loan all debts together would be above what may be borrowed [wad].
    error BorrowCapExceeded(uint256 total, uint256 cap);
    /// @notice The vault has lost tokens of this kind: until they are back it takes no more of them [token].
    error TokensMissing(address token, uint256 held, uint256 tracked);
    /// @notice Tokens cannot be sent there.
    error InvalidReceiver(address receiver);
    /// @notice Tokens are moved only between different accounts of one owner.
    error NotSameOwner(AccountId from, AccountId to);
    /// @notice An account cannot be its own counterparty.
    error SameAccount(AccountId account);
    /// @notice There is no such permission.
    error UnknownPermissions(uint8 permissions);

    /// @notice Tokens arrived; `balance` is the account's cash [wad] or collateral [token] afterwards.
    event Deposited(
        AccountId indexed account,
        address indexed token,
        address indexed sender,
        uint256 amount,
        int256 balance
    );
    /// @notice Tokens left; `amount` was charged and `paid` was sent: they differ only when the vault has lost tokens.
    event Withdrawn(
        AccountId indexed account,
        address indexed token,
        address indexed receiver,
        uint256 amount,
        uint256 paid,
        int256 balance
    );
    /// @notice Cash or collateral moved between accounts, with both balances afterwards.
    event Transferred(
        AccountId indexed from,
        AccountId indexed to,
        address indexed token,
        uint256 amount,
        int256 fromBalance,
        int256 toBalance
    );
    /// @notice The clearinghouse changed an account's cash: what it asked for, and the cash afterwards, which once
    /// interest has accrued may be less by rounding [wad].
    event CashPosted(AccountId indexed account, int256 change, int256 cash);
    /// @notice An owner gave, changed or took back rights; 0 permissions is none.
    event OperatorSet(address indexed owner, address indexed operator, uint8 permissions, uint40 until);
    /// @notice A token's limits were set.
    event TokenLimitsSet(address indexed token, TokenLimits limits);
    /// @notice Interest until now was counted; `reserved` waits for the insurance fund [wad].
    event InterestAccrued(uint256 supplyIndex, uint256 borrowIndex, uint256 reserved);
    /// @notice The clearinghouse took the interest that waited for the insurance fund [wad].
    event InterestCollected(uint256 collected);
    /// @notice Lenders bore a loss by the supply index [wad].
    event LendersCharged(uint256 borne, uint256 supplyIndex);
    /// @notice What cash costs and how much of it may be borrowed was set.
    event CashRulesSet(CashParameters parameters);
    /// @notice The partners of the vault were set.
    event VaultWired(address clearinghouse, address marginEngine);

    /// @notice Brings tokens into an account. The settlement token's never depends on a price. Collateral of an account with
    /// positions or debt needs its own price: tokens that cannot be valued would keep the account from being liquidated.
    /// @dev Anyone may deposit to any account, strangers only the settlement token or a token that it holds. Above its
    /// cap the settlement token is still taken for accounts below initial margin, up to as much as they require. What is credited is what arrived. A token of which the vault has lost some is refused: its loss is shared by those who
    /// were there.
    /// @param account Who is credited.
    /// @param token The settlement token or listed collateral.
    /// @param amount Taken from the caller by its allowance [token].
    function deposit(AccountId account, address token, uint256 amount) external;

    /// @notice As `deposit`, with an EIP-2612 permit of the caller; a permit that somebody else has already used does
    /// no harm.
    function depositWithPermit(
        AccountId account,
        address token,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Takes tokens out of an account: by its owner or an operator with WITHDRAW. The account must be worth its
    /// initial margin afterwards. Settlement tokens beyond its cash are borrowed: the debt bears interest, and all debts
    /// together must not be above their cap afterwards, or it reverts with BorrowCapExceeded.
    /// @dev When the vault holds less of the token than it keeps books for, each withdrawal is paid that share of its
    /// amount. What leaves in a day, net of what comes in, is limited for each token, so that a wrong price costs at most
    /// so much: more reverts with OutflowLimitExceeded, which says how much there is room for.
    /// @param account Who is charged.
    /// @param token The settlement token or listed collateral.
    /// @param amount What is charged [token].
    /// @param to Who receives the tokens.
    function withdraw(AccountId account, address token, uint256 amount, address to) external;

    /// @notice Moves cash or collateral between two accounts of one owner: by the owner or an operator with TRANSFER.
    /// The giving account must be worth its initial margin afterwards. Collateral needs its price as in `deposit`.
    function transfer(AccountId from, AccountId to, address token, uint256 amount) external;

    /// @notice Gives an operator rights on all accounts of the caller, or takes them back with 0.
    /// @param operator Who may act.
    /// @param permissions Any of TRADE 1, TRANSFER 2, WITHDRAW 4, LIQUIDATE 8.
    /// @param until Last second in which the rights hold [unix seconds].
    function setOperator(address operator, uint8 permissions, uint40 until) external;

    /// @notice Changes the cash of accounts. Clearinghouse only; the changes and what they stand for must sum to 0.
    function post(Posting[] calldata postings) external;

    /// @notice Moves a fraction of all that an account has, tokens rounded down for the receiver and all of them at a
    /// fraction of 1, and posts what comes with it. Clearinghouse only.
    /// @param fraction Which part [wad].
    /// @param postings As in `post`; the account of the first gives, that of the second receives, and their cash changes once
    /// for both.
    function moveSlice(uint256 fraction, Posting[] calldata postings) external;

    /// @notice Takes the interest that waits for the insurance fund; the caller owes it to the fund or sets it against
    /// losses. Clearinghouse only.
    /// @return collected [wad]
    function collectInterest() external returns (uint256 collected);

    /// @notice Charges a loss to all positive cash, pro rata. Clearinghouse only.
    /// @dev Small losses in a day share one cap, which is regained evenly over a day. Some millionth of each account's
    /// cash always stays. Until interest raises the supply index again, cash is counted in units of it.
    /// @param loss What is to be borne [wad].
    /// @param capBps The largest share of their cash that lenders lose at once and again in each day [bps].
    /// @return borne What they bear, rounded down; the rest stays with the caller [wad].
    function chargeLenders(uint256 loss, uint256 capBps) external returns (uint256 borne);

    /// @notice Counts the interest until now. Anyone; every act that changes cash does it by itself.
    function accrueInterest() external;

    /// @notice The settlement token.
    function SETTLEMENT_TOKEN() external view returns (address);

    /// @notice The settlement token's decimals.
    function SETTLEMENT_DECIMALS() external view returns (uint256);

    /// @notice The account's cash, interest until now included; negative is debt [wad].
    function cashOf(AccountId account) external view returns (int256);

    /// @notice The account's collateral in one token [token].
    function collateralOf(AccountId account, address token) external view returns (uint256);

    /// @notice All that an account has.
    /// @return cash Signed cash, interest until now included [wad].
    /// @return tokens Bit i is set when the account holds the i-th token of the Rules' list.
    /// @return amounts One amount for each set bit, lowest bit first [token].
    function balancesOf(
        AccountId account
    ) external view returns (int256 cash, uint256 tokens, uint256[] memory amounts);

    /// @notice What the vault keeps books for, tokens sent by mistake excluded [token].
    function trackedOf(address token) external view returns (uint256);

    /// @notice How many tokens can leave now: those that are there, within the net outflow limit [token].
    function releasableOf(address token) external view returns (uint256);

    /// @notice How much of the settlement token can leave an account now so that at least so much cash remains: within
    /// tokens, the outflow limit and, below 0, what may be borrowed. Says nothing of margin.
    /// @param account Whose cash.
    /// @param leastCash What must remain; negative: what the account may owe [wad].
    /// @return amount [token]
    function withdrawableAbove(AccountId account, int256 leastCash) external view returns (uint256 amount);

    /// @notice Interest until now that waits for the insurance fund [wad].
    function interestReserve() external view returns (uint256);

    /// @notice Rates, indices and sums of all cash, interest until now included.
    function cashPool() external view returns (CashFigures memory);

    /// @notice How much more all accounts together may borrow now [wad].
    function loanRoom() external view returns (uint256);

    /// @notice What cash costs and how much of it may be borrowed; all 0 until it is set.
    function cashRules() external view returns (CashParameters memory);

    /// @notice The limits of a token; all 0 while it has none, and then nothing of it is taken.
    function tokenLimitsOf(address token) external view returns (TokenLimits memory);

    /// @notice The rights that an operator has been given and their last second.
    function operatorOf(address owner, address operator) external view returns (uint8 permissions, uint40 until);

    /// @notice Whether the caller is the account's owner or holds the permission now.
    function isAuthorized(AccountId account, address caller, uint8 permission) external view returns (bool);

    /// @notice Reverts with NotAuthorized unless `isAuthorized`.
    function requireAuthorized(AccountId account, address caller, uint8 permission) external view;

    /// @notice Tells the vault its partners: the clearinghouse once only. Governance only.
    function wire(address clearinghouse, address marginEngine) external;

    /// @notice Sets how much of a token the vault takes, and how much of it may leave in a window, net of what comes
    /// in. Governance only. Reverts with RuleOutOfBounds.
    /// @dev The settlement token's cap is never lowered: nobody can stop deposits by it.
    function setTokenLimits(address token, TokenLimits calldata limits) external;

    /// @notice Sets what cash costs and how much of it may be borrowed. Interest until now is counted by the old rules.
    /// Governance only. Reverts with RuleOutOfBounds: the borrow rate is never above 300 % a year.
    function setCashRules(CashParameters calldata parameters) external;
}
