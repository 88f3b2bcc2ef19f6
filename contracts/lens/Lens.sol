// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DynamicBufferLib} from "solady/src/utils/DynamicBufferLib.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {ILens} from "../interfaces/ILens.sol";
import {IMarginEngine} from "../interfaces/IMarginEngine.sol";
import {IRules} from "../interfaces/IRules.sol";
import {IVolatilityOracle} from "../interfaces/IVolatilityOracle.sol";
import {BoundedCall} from "../libraries/BoundedCall.sol";
import {StandardRates} from "../margin/StandardRates.sol";
import {RealisedVolatility} from "../oracle/RealisedVolatility.sol";
import {AccountId} from "../types/AccountId.sol";
import {Margin, statusOf} from "../types/Portfolio.sol";

/// @title Lens
/// @notice Batch reads. See ILens.
/// @dev No owner, no storage, and nothing of the core knows it. It asks the margin engine that is in charge.
contract Lens is ILens {
    using DynamicBufferLib for DynamicBufferLib.DynamicBuffer;

    /// @dev The first words of what the margin engine said of an account.
    struct Answer {
        bool known;
        uint256 first;
        uint256 second;
        uint256 third;
    }

    uint256 private constant BYTES_OF_MARGIN = 49;
    uint8 private constant PRICED = 1;
    /// @dev Once with a share of the gas, once with what the others left over.
    uint256 private constant ROUNDS = 2;
    /// @dev What an account may use also where an equal share is less: enough for ordinary ones, the first of which
    /// pays for what all read [gas].
    uint256 private constant LEAST_SHARE = 200_000;
    /// @dev Kept back for each account, to pack and return its answer [gas].
    uint256 private constant GAS_TO_PACK = 2_000;

    IClearinghouse private immutable CLEARINGHOUSE;
    IRules private immutable RULES;

    constructor(IClearinghouse clearinghouse, IRules rules) {
        CLEARINGHOUSE = clearinghouse;
        RULES = rules;
    }

    /// @inheritdoc ILens
    function marginsOf(AccountId[] calldata accounts) external view returns (bytes memory) {
        Answer[] memory answers = _ask(accounts, IMarginEngine.marginOf.selector);

        DynamicBufferLib.DynamicBuffer memory packed;
        packed.reserve(accounts.length * BYTES_OF_MARGIN);
        for (uint256 i = 0; i < answers.length; ++i) {
            packed.p(_pack(answers[i]));
        }
        return packed.data;
    }

    /// @inheritdoc ILens
    function liquidatable(AccountId[] calldata accounts) external view returns (bytes memory bitmap) {
        Answer[] memory answers = _ask(accounts, IMarginEngine.previewLiquidation.selector);

        bitmap = new bytes((answers.length + 7) / 8);
        for (uint256 i = 0; i < answers.length; ++i) {
            // The first word is the largest slice that may be taken [wad].
            if (answers[i].first != 0) bitmap[i / 8] |= bytes1(uint8(1 << (i % 8)));
        }
    }

    /// @inheritdoc ILens
    function ratesOf(uint24 underlying) external view returns (RateMovement memory movement) {
        movement.current = RULES.marginRatesOf(underlying);
        (address oracle, ) = RULES.volatilityOracle();
        if (oracle.code.length == 0) return movement;
        try IVolatilityOracle(oracle).volatilityOf(underlying) returns (IVolatilityOracle.Volatility memory known) {
            movement.before = known.before;
            movement.slowSigma = RealisedVolatility.sigmaOf(known.slowVarianceBefore);
            movement.fastSigma = RealisedVolatility.sigmaOf(known.fastVarianceBefore);
            (movement.initial, movement.maintenance) = StandardRates.ratesOf(
                movement.current.rules,
                movement.slowSigma,
                movement.fastSigma
            );
        } catch {}
    }

    /// @dev Asks the margin engine about each account. What one holds can use no more than
    ///
    ///     share = max((gas left - what packing takes) / accounts still to be asked, LEAST_SHARE)
    ///
    /// so each has an equal part of the whole at least, as long as that is LEAST_SHARE or more, and one that needs less
    /// leaves more to those behind.
    function _ask(AccountId[] calldata accounts, bytes4 selector) private view returns (Answer[] memory answers) {
        address engine = address(CLEARINGHOUSE.marginEngine());
        answers = new Answer[](accounts.length);
        uint256 reserve = accounts.length * GAS_TO_PACK;
        uint256 unknown = accounts.length;
        for (uint256 round = 0; round < ROUNDS && unknown != 0; ++round) {
            uint256 left = unknown;
            for (uint256 i = 0; i < accounts.length; ++i) {
                Answer memory answer = answers[i];
                if (answer.known) continue;
                uint256 available = FixedPointMathLib.zeroFloorSub(gasleft(), reserve);
                if (available == 0) return answers;
                uint256 share = FixedPointMathLib.clamp(available / left--, LEAST_SHARE, available);
                bytes32 account = AccountId.unwrap(accounts[i]);
                (answer.known, answer.first, answer.second, answer.third) = BoundedCall.threeWords(
                    engine,
                    selector,
                    account,
                    share
                );
                if (answer.known) --unknown;
            }
        }
    }

    /// @dev 49 bytes as ILens describes them.
    function _pack(Answer memory answer) private pure returns (bytes memory) {
        if (!answer.known) return new bytes(BYTES_OF_MARGIN);
        Margin memory margin = Margin({
            equity: int256(answer.first),
            initial: answer.second,
            maintenance: answer.third
        });
        return
            abi.encodePacked(
                _nearestInt128(margin.equity),
                _nearestUint128(margin.initial),
                _nearestUint128(margin.maintenance),
                PRICED | (uint8(statusOf(margin)) << 1)
            );
    }

    function _nearestInt128(int256 value) private pure returns (int128) {
        return int128(FixedPointMathLib.clamp(value, type(int128).min, type(int128).max));
    }

    function _nearestUint128(uint256 value) private pure returns (uint128) {
        return uint128(FixedPointMathLib.min(value, type(uint128).max));
    }
}
